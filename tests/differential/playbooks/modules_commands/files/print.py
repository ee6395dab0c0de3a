import sys

print(sys.version_info[0], sys.argv[1:])
