ALTER TABLE {staging} ADD PRIMARY KEY (id);
ANALYZE {staging}
