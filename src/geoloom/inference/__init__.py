"""From a scene to a finished map: tiles are planned, run through a model, blended, and written.

`predict.predict` does all of it; `scores.scene_scores` gives the blended scores without a file. `plan` says
which windows are read, `work` runs a batch of them, `runners` spreads batches over threads or processes,
`blend` adds overlapping answers, `products` writes what can be resumed, and `polygons` makes vectors.
"""
