"""Measure embeddings by the protocols of the field, on exact distances.

- `verification`: 1:1, all pairs; ROC, DET, EER, AUC, TAR@FAR with intervals over identities
- `pair_counts`: the same for any number of pairs, in bounded memory; `listed_pairs`: distances of given pairs
- `ten_folds`: LFW View 2; `templates`: IJB
- `identification`, `enrolment`: 1:N, closed and open set; `distractors`: rank 1 among up to a million strangers
- `groups`: error rates per group at a common threshold; `model_comparison`: whether one model beats another
- `data_checks`: what is wrong with the data
- `retrieval`: recall@k, precision@k, R-precision, MAP@R, mAP
- `ranked_retrieval`, `revisited`: Google Landmarks (GAP, mAP@100); revisited Oxford and Paris
- `clustering`: NMI, pairwise and BCubed F
- `thresholds`: from a measurement to `calibration.json`
- `summary`, `figures`, `report`: what a reader sees

Import the submodules; this package itself loads nothing.
"""
