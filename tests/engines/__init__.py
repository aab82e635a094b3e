"""Engines written from the specification alone, which the model is compared with."""
