# Small enough to be left running: one of each, nothing redundant.

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
    key          = "rag-enabler/dev/terraform.tfstate"
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
      Environment = "dev"
      ManagedBy   = "terraform"
    }
  }
}

module "platform" {
  source      = "../../modules/platform"
  environment = "dev"

  # Where
  vpc_id                    = var.vpc_id
  endpoint_zones            = 1
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
  model       = "auto"
  shard_count = 4
  replicas    = 1

  # How much
  api        = { cpu = 512, memory = 2048, count_min = 1, count_max = 2 }
  documents  = { cpu = 1024, memory = 4096, count_min = 1, count_max = 2 }
  ocr        = { cpu = 1024, memory = 4096, count_min = 1, count_max = 2 }
  embedding  = { cpu = 1024, memory = 4096, count_min = 1, count_max = 2 }
  generation = { cpu = 2048, memory = 8192, count_min = 1, count_max = 1 }
  redis      = { node_type = "cache.t4g.micro", shards = 1, replicas = 0, snapshot_days = 1 }
  budget_usd = 500

  # How long, how strict
  undo_days                = 1
  log_days                 = 30
  firewall_rate_per_minute = 200
  exec_enabled             = true
  protected                = false
}
