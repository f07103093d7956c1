"""Any model as one object: networks, functions, estimators, files of other libraries."""
