"""Floor 4: networks, baselines, training, calibration, evaluation, checkpoints."""
