"""The networks: PyTorch modules. Nothing that serves imports this room."""
