# The models on a file system that every node mounts read-only. They come from the bucket of artifacts by DataSync, so that no
# task needs a way to the internet.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

data "aws_caller_identity" "current" {}

resource "aws_efs_file_system" "models" {
  creation_token   = "${var.name}-models"
  encrypted        = true
  kms_key_id       = var.kms_key_arn
  performance_mode = "generalPurpose"
  throughput_mode  = "elastic"

  # A model that nobody has loaded for a month costs a tenth.
  lifecycle_policy {
    transition_to_ia = "AFTER_30_DAYS"
  }
  lifecycle_policy {
    transition_to_primary_storage_class = "AFTER_1_ACCESS"
  }

  tags = { Name = "${var.name}-models" }
}

resource "aws_efs_mount_target" "models" {
  for_each        = toset(var.subnet_ids)
  file_system_id  = aws_efs_file_system.models.id
  subnet_id       = each.value
  security_groups = [var.security_group_id]
}

resource "aws_efs_access_point" "models" {
  file_system_id = aws_efs_file_system.models.id

  # The user of the image.
  posix_user {
    uid = 10001
    gid = 10001
  }

  root_directory {
    path = "/models"
    creation_info {
      owner_uid   = 10001
      owner_gid   = 10001
      permissions = "755"
    }
  }

  tags = { Name = "${var.name}-models" }
}

data "aws_iam_policy_document" "models" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["elasticfilesystem:Client*"]
    resources = [aws_efs_file_system.models.arn]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
  # Nodes read through the access point; the right to do so is in each service's own role.
  statement {
    sid       = "NodesRead"
    actions   = ["elasticfilesystem:ClientMount"]
    resources = [aws_efs_file_system.models.arn]
    principals {
      type        = "AWS"
      identifiers = [data.aws_caller_identity.current.account_id]
    }
    condition {
      test     = "StringEquals"
      variable = "elasticfilesystem:AccessPointArn"
      values   = [aws_efs_access_point.models.arn]
    }
  }
  statement {
    sid       = "DataSyncWrites"
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"]
    resources = [aws_efs_file_system.models.arn]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.copy.arn]
    }
  }
}

resource "aws_efs_file_system_policy" "models" {
  file_system_id = aws_efs_file_system.models.id
  policy         = data.aws_iam_policy_document.models.json
}

# From the bucket to the file system

data "aws_iam_policy_document" "copy_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["datasync.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "copy" {
  name               = "${var.name}-models-copy"
  assume_role_policy = data.aws_iam_policy_document.copy_trust.json
}

data "aws_iam_policy_document" "copy" {
  statement {
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [var.artifacts_bucket_arn]
  }
  statement {
    actions   = ["s3:GetObject", "s3:GetObjectTagging", "s3:ListMultipartUploadParts"]
    resources = ["${var.artifacts_bucket_arn}/models/*"]
  }
  statement {
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
  }
}

resource "aws_iam_role_policy" "copy" {
  name   = "copy"
  role   = aws_iam_role.copy.id
  policy = data.aws_iam_policy_document.copy.json
}

resource "aws_datasync_location_s3" "models" {
  s3_bucket_arn = var.artifacts_bucket_arn
  subdirectory  = "/models/"

  s3_config {
    bucket_access_role_arn = aws_iam_role.copy.arn
  }

  depends_on = [aws_iam_role_policy.copy]
}

resource "aws_datasync_location_efs" "models" {
  efs_file_system_arn         = aws_efs_file_system.models.arn
  access_point_arn            = aws_efs_access_point.models.arn
  file_system_access_role_arn = aws_iam_role.copy.arn
  in_transit_encryption       = "TLS1_2"

  ec2_config {
    subnet_arn          = var.copy_subnet_arn
    security_group_arns = [var.security_group_arn]
  }

  depends_on = [aws_efs_mount_target.models]
}

resource "aws_datasync_task" "models" {
  name                     = "${var.name}-models"
  source_location_arn      = aws_datasync_location_s3.models.arn
  destination_location_arn = aws_datasync_location_efs.models.arn
  cloudwatch_log_group_arn = aws_cloudwatch_log_group.copy.arn

  options {
    verify_mode            = "ONLY_FILES_TRANSFERRED"
    preserve_deleted_files = "PRESERVE"
    uid                    = "NONE"
    gid                    = "NONE"
    posix_permissions      = "NONE"
    log_level              = "TRANSFER"
  }
}

resource "aws_cloudwatch_log_group" "copy" {
  #checkov:skip=CKV_AWS_338:Which model was copied when stands in the bucket; how long it is kept is a setting.
  name              = "/rag-enabler/${var.name}/models-copy"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}
