# What must not be known: the platform's first API key, the password of the Redis, the authority of the links between nodes. The
# first two are rotated by a function; the authority is put in by hand (docs/deployment.md), so that it is in no state.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.7"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  function_name = "${var.name}-rotation"
  function_arn  = "arn:aws:lambda:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:function:${local.function_name}"
}

resource "aws_secretsmanager_secret" "key" {
  name        = "${var.name}/key"
  description = "The API key that nodes start with: operators and the making of further keys"
  kms_key_id  = var.kms_key_arn
}

ephemeral "random_password" "key" {
  length  = 64
  special = false
}

# Written once and kept in no state; the rotation replaces it.
resource "aws_secretsmanager_secret_version" "key" {
  secret_id                = aws_secretsmanager_secret.key.id
  secret_string_wo         = ephemeral.random_password.key.result
  secret_string_wo_version = 1
}

resource "aws_secretsmanager_secret" "redis" {
  name        = "${var.name}/redis"
  description = "The password of the Redis"
  kms_key_id  = var.kms_key_arn
}

resource "aws_secretsmanager_secret_version" "redis" {
  secret_id                = aws_secretsmanager_secret.redis.id
  secret_string_wo         = var.redis_first_password
  secret_string_wo_version = 1
}

# {"authority_pem": ..., "authority_key": ..., "old_pem": ...}, made by `rag-enabler certs new`.
resource "aws_secretsmanager_secret" "authority" {
  #checkov:skip=CKV2_AWS_57:A new authority must be believed by every node before the first one shows it: two deployments, see docs/runbooks/network.md.
  name        = "${var.name}/authority"
  description = "The authority that signs each node's certificate"
  kms_key_id  = var.kms_key_arn
}

resource "aws_secretsmanager_secret_rotation" "rotated" {
  #checkov:skip=CKV_AWS_304:rotation_days is 30 by default and validated to be 90 at most.
  for_each = {
    key   = aws_secretsmanager_secret.key.id
    redis = aws_secretsmanager_secret.redis.id
  }
  secret_id           = each.value
  rotation_lambda_arn = aws_lambda_function.rotation.arn
  rotate_immediately  = each.key == "redis"

  rotation_rules {
    automatically_after_days = var.rotation_days
  }

  depends_on = [
    aws_lambda_permission.rotation,
    aws_secretsmanager_secret_version.key,
    aws_secretsmanager_secret_version.redis,
  ]
}

# The function

data "archive_file" "rotation" {
  type        = "zip"
  source_file = "${path.module}/rotation/rotate.py"
  output_path = "${path.root}/.terraform/${local.function_name}.zip"
}

resource "aws_lambda_function" "rotation" {
  #checkov:skip=CKV_AWS_272:Its one file is in this repository and is packed from it at every plan.
  #checkov:skip=CKV_AWS_116:Secrets Manager calls it and repeats a step that failed; the alarm on its errors is in the module watch.
  #checkov:skip=CKV_AWS_115:A bound of the account's concurrency is the account's to give; Secrets Manager rotates one secret at a time.
  function_name    = local.function_name
  description      = "Rotates the platform's key and the password of its Redis"
  role             = aws_iam_role.rotation.arn
  runtime          = "python3.13"
  handler          = "rotate.handler"
  filename         = data.archive_file.rotation.output_path
  source_code_hash = data.archive_file.rotation.output_base64sha256
  timeout          = 900
  memory_size      = 256
  kms_key_arn      = var.kms_key_arn

  environment {
    variables = {
      CLUSTER           = var.cluster_name
      REDIS_SECRET      = aws_secretsmanager_secret.redis.arn
      REDIS_HOST        = var.redis_host
      REPLICATION_GROUP = var.replication_group_id
    }
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.rotation.name
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_iam_role_policy.rotation]
}

resource "aws_cloudwatch_log_group" "rotation" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is a setting; a year in prod.
  name              = "/rag-enabler/${var.name}/rotation"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_lambda_permission" "rotation" {
  statement_id   = "SecretsManager"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.rotation.function_name
  principal      = "secretsmanager.amazonaws.com"
  source_account = data.aws_caller_identity.current.account_id
}

data "aws_iam_policy_document" "rotation_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "rotation" {
  name               = local.function_name
  assume_role_policy = data.aws_iam_policy_document.rotation_trust.json
}

data "aws_iam_policy_document" "rotation" {
  #checkov:skip=CKV_AWS_111:Network interfaces have no name before they are made; everything else is named.
  #checkov:skip=CKV_AWS_356:As above.
  statement {
    sid = "Secrets"
    actions = [
      "secretsmanager:DescribeSecret",
      "secretsmanager:GetSecretValue",
      "secretsmanager:PutSecretValue",
      "secretsmanager:UpdateSecretVersionStage",
    ]
    resources = [aws_secretsmanager_secret.key.arn, aws_secretsmanager_secret.redis.arn]
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
  statement {
    sid       = "Redis"
    actions   = ["elasticache:DescribeReplicationGroups", "elasticache:ModifyReplicationGroup"]
    resources = [var.replication_group_arn, "arn:aws:elasticache:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:cluster:${var.replication_group_id}*"]
  }
  statement {
    sid       = "Deploy"
    actions   = ["ecs:ListServices"]
    resources = ["*"]
    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [var.cluster_arn]
    }
  }
  statement {
    sid       = "DeployEach"
    actions   = ["ecs:UpdateService"]
    resources = ["arn:aws:ecs:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:service/${var.cluster_name}/*"]
  }
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.rotation.arn}:*"]
  }
  statement {
    sid       = "Trace"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"]
  }
  statement {
    sid = "Network"
    actions = [
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSubnets",
      "ec2:AssignPrivateIpAddresses",
      "ec2:UnassignPrivateIpAddresses",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "rotation" {
  name   = "rotation"
  role   = aws_iam_role.rotation.id
  policy = data.aws_iam_policy_document.rotation.json
}
