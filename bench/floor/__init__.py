"""The by-hand floor: what raising the same cluster costs when everything is known beforehand."""
