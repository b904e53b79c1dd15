"""See `azureml.core`, beside this."""
