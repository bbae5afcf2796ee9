SELECT min(position), max(position) FROM {pending} WHERE shard = %(shard)s
