"""Groups on this device: their logs, their keys, what is said in them. No I/O."""
