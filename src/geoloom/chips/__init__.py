"""Chips: small windows of scenes, cut once, kept in one store with their place, split and classes."""
