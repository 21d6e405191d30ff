"""Cells that are the same for every reference: nothing about them is learnt."""


class FixedCells:
    """`kind` and `names` are the subclass's own."""

    kind = ""
    names = ()

    @classmethod
    def read(cls, stream):
        del stream
        return cls()

    def describe(self):
        return {"kind": self.kind, "cells": self.labels()}

    def labels(self):
        return list(self.names)
