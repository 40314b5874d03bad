"""Pure decisions: what to write, where the checkpoint may move, when to try again.

Standard library only (and the JSON library): no I/O, no clock, no logging. Every function here gives the same answer
for the same arguments, so every rule of the product can be tested by a table.
"""
