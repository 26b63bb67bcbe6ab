"""From a call to what is stored of it: pure steps, one file each, and the list of them (`steps`)."""
