"""The commands of `python -m healthcert` that speak in lines; they alone touch streams."""
