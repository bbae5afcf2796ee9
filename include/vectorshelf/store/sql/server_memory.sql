-- What the server's machine and its container have. Only for roles that may read server files; NULL where there is no such file.
SELECT pg_read_file('/proc/meminfo', true), pg_read_file('/sys/fs/cgroup/memory.max', true)
