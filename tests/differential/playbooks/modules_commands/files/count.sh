#!/bin/sh
echo "$1 from $(basename "$0")" | cut -d' ' -f1 > /srv/counted
