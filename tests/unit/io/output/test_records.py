"""Records of frames in a file."""

import pickle

import pytest

from iceclass.io.output.records import RecordFile, record_line, sound_records

RECORDS = [{"frame": k, "text": "ä" * k, "x": [0.1 * k]} for k in range(5000)]


def test_records_are_read_as_often_as_they_are_asked_for(tmp_path):
    records = RecordFile.temporary(tmp_path)
    assert (len(records), records.last, list(records)) == (0, None, [])
    records.note({"header": 1})
    for record in RECORDS[:300]:
        records.append(record)
    first = iter(records)
    assert [next(first) for _ in range(10)] == RECORDS[:10]
    for record in RECORDS[300:600]:
        records.append(record)
    records.note({"end": True})
    assert list(records) == RECORDS[:600]
    assert list(first) == RECORDS[10:300], "those that were there when it began"
    assert records.last == RECORDS[599]
    assert RECORDS[7] in records
    assert RECORDS[600] not in records
    assert pickle.loads(pickle.dumps(records)) == RECORDS[:600]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"half a li", b"00000000 {}\n", b"[]\n", b"\xff\xff\n"])
def test_what_is_behind_damage_is_not_believed(damage):
    lines = [record_line(record) for record in RECORDS[:3]]
    assert list(sound_records([*lines, damage, *lines])) == RECORDS[:3]
    changed = lines[1].replace(b'"frame":1', b'"frame":9')
    assert list(sound_records([lines[0], changed])) == RECORDS[:1]
