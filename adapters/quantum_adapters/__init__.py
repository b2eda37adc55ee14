"""Adapters: one module or folder for each provider of quantum computers."""
