"""The leave-one-out lens: how far would the predictions move without this record?"""
