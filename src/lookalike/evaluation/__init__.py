"""Measure embeddings by the protocols of the field, on exact distances.

- `verification`: 1:1, all pairs; ROC, DET, EER, AUC, TAR@FAR with intervals over identities; the same for any number of
  pairs in bounded memory, for listed pairs, folds (LFW View 2), templates (IJB), groups of people, and two models
- `identification`: 1:N, closed and open set, random enrolments, rank 1 among up to a million strangers
- `retrieval`: recall@k, precision@k, R-precision, MAP@R, mAP; Google Landmarks (GAP, mAP@100), revisited Oxford and
  Paris; clusters
- `statistics`: intervals; `calibration`, `thresholds`: from a measurement to `calibration.json`
- `exact_search`: who is near, exactly; `data_checks`: what is wrong with the data
- `evaluator`, `evaluators`: the protocol of what `lookalike evaluate` measures, and the list; `report`: what a reader sees

Import the submodules; this package itself loads nothing.
"""
