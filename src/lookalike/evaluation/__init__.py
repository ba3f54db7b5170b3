"""Measure embeddings by the protocols of the field, on exact distances.

- `verification`: 1:1. All pairs with ROC, DET, EER, AUC and TAR at FAR, in memory (`all_pairs`) or counted
  (`pair_counts`); listed pairs, ten folds (LFW), templates (IJB), groups of people, two models compared
- `identification`: 1:N. Closed and open set, repeated enrolments, distractors (MegaFace), errors that an index adds
- `retrieval`: ranked lists (recall@k, MAP@R, mAP), Google Landmarks, revisited Oxford and Paris, clusters
- `statistics`: confidence intervals, by Wilson and by a bootstrap over identities
- `exact_search`: the nearest vectors, exactly, which the others use
- `calibration`: from a measurement to the thresholds of `calibration.json`; `thresholds` is its public name
- `report`: `report.html`, its figures, and `metrics.json`
- `data_checks`, `labels`: errors in the data, and labels compared exactly
- `evaluator`, `evaluators`: the protocol of what `lookalike evaluate` measures, and the list

Import the submodules; this package itself loads nothing.
"""
