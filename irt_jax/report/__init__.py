"""What a terminal and a log say of a run."""
