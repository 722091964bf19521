"""Simulation of the gate."""
