"""Runs a plan on hosts: starts agents, answers their questions, keeps hosts in step, turns frames into events."""
