SELECT model, vector_dims(embedding) FROM {table} WHERE model IS NOT NULL AND embedding IS NOT NULL LIMIT 1
