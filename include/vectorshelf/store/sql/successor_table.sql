CREATE TABLE {successor} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES);
ALTER TABLE {successor} ALTER COLUMN embedding TYPE vector({dimensions})
