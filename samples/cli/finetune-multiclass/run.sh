#!/usr/bin/env bash
# Fine-tuning, one label a photo: a published checkpoint learns your labels, is registered, served and asked.
#
#   ./run.sh [--model NAME] [--data FOLDER] [--output FOLDER] [--set KEY=VALUE ...]
#   ./run.sh --model facebook-dinov2-base --set hyperparameters.method=head     only a linear classifier
#   ./run.sh --set hyperparameters.method=lora                                 low-rank adapters
set -euo pipefail
MODEL=microsoft-beit-base-patch16-224-pt22k-ft22k
DATA=$(dirname "$0")/../../photos/clothing
source "$(dirname "$0")/../options.sh"

# 1. Fine-tune. The job is also evaluated on the test split: its metrics are in the log.
job=$(tintype job create --file job.yml --query name --output tsv \
    --set model_name="$MODEL" training_data.path="$DATA" "${SETTINGS[@]}")
tintype job stream --name "$job"

# 2. Register the model.
version=$(date +%s)
tintype model create --name clothes --version "$version" --type mlflow_model --output none \
    --path "azureml://jobs/$job/outputs/artifacts/paths/outputs/mlflow-model/"

# 3. An endpoint, and the model behind it.
delete_endpoint_at_exit
tintype online-endpoint create --file endpoint.yml --name "$ENDPOINT" --output none
tintype online-deployment create --file deployment.yml --all-traffic --output none \
    --set endpoint_name="$ENDPOINT" model="azureml:clothes:$version"

# 4. Ask it about photos that it has not learnt from.
python ../../write_request.py "$DATA" "$OUTPUT/request.json" --photos "$OUTPUT/photos.txt" --count 12
tintype online-endpoint invoke --name "$ENDPOINT" --request-file "$OUTPUT/request.json" > "$OUTPUT/answer.json"

# 5. The picture: these photos with their labels, right and wrong marked.
python ../../draw.py labels "$OUTPUT/picture.png" --answer "$OUTPUT/answer.json" --photos "$OUTPUT/photos.txt" --data "$DATA"
