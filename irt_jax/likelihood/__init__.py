"""From a model and responses to a log density."""
