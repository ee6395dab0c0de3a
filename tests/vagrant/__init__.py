"""`vagrant up` with machines of their own kernel, emulated where there is no virtualisation: `make vagrant`."""
