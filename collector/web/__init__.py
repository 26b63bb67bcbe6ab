"""The rooms that speak HTTP: parse a request, call what does the work, render the answer."""
