#!/usr/bin/env bash
# From nothing to a shipped model: structures, molecular dynamics, features, network, report.
#
#   pipelines/first_model.sh            everything; a day on two cores, resumable
#   STUDY=somewhere DATA=mine.h5 pipelines/first_model.sh
#   DESCRIPTOR=soap-37 pipelines/first_model.sh
#
# The molecular dynamics is skipped where DATA (the compact data set) is there already, so that
# from a clone only the last steps run. The other variables make smaller studies.
set -euo pipefail

STUDY=${STUDY:-study}                           # where everything goes
if [ -z "${DATA:-}" ]; then
    DATA=iceclass/data/reference.h5             # the compact data set
    MORE=${MORE-pipelines/data/more.h5}         # further preparations of it, all to train
    PLACES=${PLACES-environments}               # liquids, interfaces, nuclei, surfaces
fi
PHASES=${PHASES:-ih ic ii iii v water lda hda mda}
GENERATE=${GENERATE:---preparations 5 --jobs 2} # further options of the simulations
DESCRIPTOR=${DESCRIPTOR:-soap-148-scales}
VARY=${VARY-yes}                                # empty: train on the trajectories as they are
# options of the training
TRAIN=${TRAIN:---schedule cosine --epochs 18 --batch-size 2048 --max-rows 900 --weight-decay 0.3
    --weight-average 0.999 --bias-correction 0.8 --false-alarms 0.002 --novelty-margin 1.35
    --factors lda=0.15,hda=0.15,mda=0.15}

mkdir -p "$STUDY"
if [ ! -e "$DATA" ]; then
    # shellcheck disable=SC2086  # the variables hold lists of words
    iceclass generate $PHASES --md $GENERATE -o "$STUDY/runs"
    iceclass pack "$STUDY/runs" -o "$DATA"
fi
sources=("$DATA" ${MORE:+"$MORE"})
if [ -n "$VARY" ]; then
    [ "$STUDY/varied.h5" -nt "$DATA" ] ||
        iceclass augment "${sources[@]}" -o "$STUDY/varied.h5" --force
    sources+=("$STUDY/varied.h5")
fi
sources+=(${PLACES:+"$PLACES"})
iceclass featurize "${sources[@]}" --descriptor "$DESCRIPTOR" -o "$STUDY/$DESCRIPTOR.h5"
# shellcheck disable=SC2086
iceclass train "$STUDY/$DESCRIPTOR.h5" --classes "${PHASES// /,}" -o "$STUDY/$DESCRIPTOR.safetensors" --force \
    --report "$STUDY/report" $TRAIN
iceclass evaluate "$STUDY/$DESCRIPTOR.safetensors" "$STUDY/$DESCRIPTOR.h5" -o "$STUDY/evaluation"
iceclass explain "$STUDY/$DESCRIPTOR.safetensors" "$STUDY/$DESCRIPTOR.h5" -o "$STUDY/explain"
