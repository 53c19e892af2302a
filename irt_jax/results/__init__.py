"""Tables, draws, verdict and run.json of a finished calibration."""
