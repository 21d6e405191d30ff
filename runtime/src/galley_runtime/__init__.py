"""What runs inside Galley's images: `galley-runtime run | rehearse | compile | serve | check`.

Standard library only; numpy and pandas are used when the user's environment has them. Nothing here is an interface
for user code, so nothing is exported but the version.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
