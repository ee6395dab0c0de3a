#!/bin/sh
touch /var/lib/app/prepared
