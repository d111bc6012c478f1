"""Pages in, readings out.

Public: `recognizer` (`Recognizer`, `Reading`), `memory` (corrected samples beside the network),
`sample_store` (those samples on disk), `profiles` (where they lie; without PyTorch and NumPy), `inputs` and
`annotation` (what predict.py reads and marks).

Imports: checkpointing, evaluation, preprocessing, common.
"""
