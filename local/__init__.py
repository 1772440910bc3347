"""The whole system on one machine: embedded AWS, gateway, facility simulators."""
