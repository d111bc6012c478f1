"""Helpers that every other module may import.

Public: `cli` (flags, exit status, Ctrl-C), `startup` (Ctrl-C and garbage during imports), `messages`
(`UserError` and text for people), `device` (pick and describe a device), `threads` (that work on their own),
`files` (`PROJECT`, atomic writes), `geometry` (points and boxes), `folding` (of batch norm, for trained
networks), `download` (MNIST from the network).

Imports: nothing of this project.
"""
