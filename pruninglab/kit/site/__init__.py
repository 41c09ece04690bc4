"""The notebooks as pages whose sliders move without a kernel: `make site`."""
