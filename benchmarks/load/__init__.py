"""Many visitors at once: the app's real requests over loopback, on an idle server and beside a training."""
