"""Rotates the platform's first API key and the password of its Redis, as Secrets Manager asks, step by step.

Each step can be repeated: Secrets Manager calls again what has failed. Nothing that is secret is printed.
"""

import os
import secrets
import socket
import ssl
import time

import boto3

# How long a change of the Redis is waited for; the function itself may take 900 s.
REDIS_SECONDS_MAX = 780
# A Redis answers one line.
ANSWER_BYTES_MAX = 512


def handler(event, _context):
    """Does one step of one rotation."""
    store = boto3.client("secretsmanager")
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    stages = store.describe_secret(SecretId=secret)["VersionIdsToStages"]
    if token not in stages:
        raise ValueError("this version is not a part of the secret")
    if "AWSCURRENT" in stages[token]:
        return
    if "AWSPENDING" not in stages[token]:
        raise ValueError("this version is not the pending one")
    is_redis = secret == os.environ["REDIS_SECRET"]
    if step == "createSecret":
        create(store, secret, token, is_redis)
    elif step == "setSecret" and is_redis:
        set_redis(value(store, secret, token, "AWSPENDING"))
    elif step == "testSecret" and is_redis:
        try_redis(value(store, secret, token, "AWSPENDING"))
    elif step == "finishSecret":
        finish(store, secret, token, stages)
        deploy()


def value(store, secret, token, stage):
    """The text of one version."""
    return store.get_secret_value(SecretId=secret, VersionId=token, VersionStage=stage)["SecretString"]


def create(store, secret, token, is_redis):
    """Makes the new text, once."""
    try:
        value(store, secret, token, "AWSPENDING")
    except store.exceptions.ResourceNotFoundException:
        text = secrets.token_hex(32) if is_redis else "re_" + secrets.token_hex(32)
        store.put_secret_value(
            SecretId=secret, ClientRequestToken=token, SecretString=text, VersionStages=["AWSPENDING"]
        )


def set_redis(password):
    """Gives the Redis the new password beside the old one, which running nodes still use."""
    cache, group = boto3.client("elasticache"), os.environ["REPLICATION_GROUP"]
    wait_for_redis(cache, group)
    cache.modify_replication_group(
        ReplicationGroupId=group,
        AuthToken=password,
        AuthTokenUpdateStrategy="ROTATE",
        ApplyImmediately=True,
    )
    # The change is seen some seconds later.
    time.sleep(20)
    wait_for_redis(cache, group)


def wait_for_redis(cache, group):
    """Waits until the Redis has no change under way."""
    end = time.monotonic() + REDIS_SECONDS_MAX / 2
    while time.monotonic() < end:
        found = cache.describe_replication_groups(ReplicationGroupId=group)["ReplicationGroups"][0]
        if found["Status"] == "available" and "AuthTokenStatus" not in found.get("PendingModifiedValues", {}):
            return
        time.sleep(10)
    raise TimeoutError("the Redis is still being changed")


def try_redis(password):
    """Says the new password to the Redis over TLS."""
    with socket.create_connection((os.environ["REDIS_HOST"], 6379), timeout=10) as plain:
        with ssl.create_default_context().wrap_socket(plain, server_hostname=os.environ["REDIS_HOST"]) as line:
            line.sendall(f"AUTH {password}\r\n".encode())
            answer = line.recv(ANSWER_BYTES_MAX)
    if not answer.startswith(b"+OK"):
        raise PermissionError("the Redis does not take the new password")


def finish(store, secret, token, stages):
    """Makes the new version the current one."""
    current = next((version for version, names in stages.items() if "AWSCURRENT" in names), None)
    store.update_secret_version_stage(
        SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
    )


def deploy():
    """Starts every service anew, a task at a time, so that nodes read the new text."""
    tasks, cluster = boto3.client("ecs"), os.environ["CLUSTER"]
    for page in tasks.get_paginator("list_services").paginate(cluster=cluster):
        for service in page["serviceArns"]:
            tasks.update_service(cluster=cluster, service=service, forceNewDeployment=True)
