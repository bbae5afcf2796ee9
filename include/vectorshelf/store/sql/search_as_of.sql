SELECT id, name, category, attributes, score FROM {function}(%(query)s::vector, %(moment)s, %(k)s, %(category)s)
