"""The verbs: one module per noun, one function per verb.

A verb takes the project first and keywords after, returns a value from `model`, and never
prints, exits or reads the environment.
"""
