def write_text(text, calls=None):
    def build(path):
        if calls is not None:
            calls.append(text)
        path.write_text(text)

    return build
