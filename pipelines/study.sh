#!/usr/bin/env bash
# Start the study, or go on with it after whatever stopped it.
#
#   pipelines/study.sh CONFIG DIRECTORY [OPTIONS OF SNAKEMAKE]
#   pipelines/study.sh pipelines/config/study.yaml study --cores 2
#   pipelines/study.sh pipelines/config/study.yaml study --profile pipelines/profiles/slurm
#
# Everything is written under DIRECTORY. What was finished is not done again.
set -euo pipefail

if [ $# -lt 3 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
config=$(realpath "$1")
directory=$2
shift 2
mkdir -p "$directory"
# Snakemake's own lock stays behind when it is killed; this one does not, and so tells whether the
# other may be taken away.
exec 9>"$directory/.study.lock"
if ! flock --nonblock 9; then
    echo "$directory: this study is running already" >&2
    exit 1
fi
common=(--snakefile "$here/Snakefile" --configfile "$config" --directory "$directory")
if compgen -G "$directory/.snakemake/locks/*" >/dev/null; then
    snakemake "${common[@]}" --cores 1 --quiet all --unlock
fi
exec snakemake "${common[@]}" "$@"
