# The same shape as prod at a fraction of its size: every kind of failure can be tried here.

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

  # Bucket and region come with `terraform init -backend-config=backend.hcl`.
  backend "s3" {
    key          = "rag-enabler/stage/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      Project     = "rag-enabler"
      Environment = "stage"
      ManagedBy   = "terraform"
    }
  }
}

module "platform" {
  source      = "../../modules/platform"
  environment = "stage"

  # Where
  vpc_id                    = var.vpc_id
  endpoint_zones            = 2
  client_cidrs              = var.client_cidrs
  client_security_group_ids = var.client_security_group_ids
  operator_cidrs            = var.operator_cidrs
  link_principals           = var.link_principals
  host                      = var.host
  zone_id                   = var.zone_id
  certificate_arn           = var.certificate_arn

  # Who
  jwks_url        = var.jwks_url
  jwt_issuer      = var.jwt_issuer
  jwt_audience    = var.jwt_audience
  extra_endpoints = var.extra_endpoints
  issuer_cidrs    = var.issuer_cidrs
  critical_emails = var.critical_emails
  warning_emails  = var.warning_emails

  # What
  image_tag   = var.image_tag
  settings    = var.settings
  model       = "tinyllama"
  shard_count = 8
  replicas    = 1

  # How much
  api        = { cpu = 1024, memory = 2048, count_min = 2, count_max = 5 }
  documents  = { cpu = 1024, memory = 4096, count_min = 2, count_max = 5 }
  ocr        = { cpu = 2048, memory = 8192, count_min = 1, count_max = 5 }
  embedding  = { cpu = 2048, memory = 8192, count_min = 1, count_max = 4 }
  generation = { cpu = 4096, memory = 16384, count_min = 1, count_max = 3 }
  redis      = { node_type = "cache.t4g.small", shards = 1, replicas = 1, snapshot_days = 3 }
  budget_usd = 1000

  # How long, how strict
  undo_days                = 3
  log_days                 = 90
  firewall_rate_per_minute = 600
  exec_enabled             = true
  protected                = false
}
