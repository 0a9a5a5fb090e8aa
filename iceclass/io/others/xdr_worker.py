"""Decodes an XTC or TRR file in a process of its own; run by :mod:`iceclass.io.others.md_files`.

The decoder is C code that a damaged file can make write beyond its arrays. Here that ends this
process, not the one that labels. Started as a script, without any other module of iceclass.

Reads frame numbers, one a line. Answers each with a line of JSON: ``{"error": …}``, or the
frame's step, time, box (nm) and which of x, v, f follow as (M, 3) float32 in native byte order.
The first line tells the numbers of atoms and frames.
"""

from __future__ import annotations

import json
import sys
from typing import Any, BinaryIO

import numpy as np


def main(path: str, requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer until there are no more requests."""

    def reply(head: dict[str, Any], *arrays: np.ndarray) -> None:
        replies.write(json.dumps(head).encode() + b"\n")
        for array in arrays:
            replies.write(np.ascontiguousarray(array, np.float32).data)
        replies.flush()

    try:
        from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile

        file = (XTCFile if path.lower().endswith(".xtc") else TRRFile)(path)
        reply({"n_atoms": int(file.n_atoms), "n_frames": len(file)})
    except Exception as error:
        reply({"error": str(error)})
        return
    with file:
        at = 0
        for line in requests:
            index = int(line)
            try:
                if index != at:
                    file.seek(index)
                at = -1
                frame = file.read()
                at = index + 1
            except StopIteration:
                reply({"end": True})
                continue
            except Exception as error:
                reply({"error": str(error)})
                continue
            has = {name: bool(getattr(frame, f"has{name}", name == "x")) for name in "xvf"}
            head = {"step": int(frame.step), "time": float(frame.time)}
            box = np.asarray(frame.box, np.float64).tolist()
            arrays = [getattr(frame, name) for name in "xvf" if has[name]]
            reply(head | {"box": box} | has, *arrays)


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
