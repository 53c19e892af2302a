"""The machine a run is on: devices, compiled programs, memory, signals, clock, terminal."""
