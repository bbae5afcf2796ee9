SELECT id, name, category, attributes, score FROM {function}(%(query)s::vector, %(k)s, %(category)s)
