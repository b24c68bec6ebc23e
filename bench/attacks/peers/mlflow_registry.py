"""Fill an MLflow registry as a team would: two versions of a model, an alias, a git commit."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow

mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
client.create_registered_model("Loan scores", description="Scores applicants.\nTwo lines.")
for text in ("first", "second"):
    with TemporaryDirectory() as folder, mlflow.start_run() as run:
        (Path(folder) / "weights.bin").write_text(text)
        (Path(folder) / "config.json").write_text("{}")
        mlflow.set_tag("mlflow.source.git.commit", "ab12cd34" * 5)
        mlflow.log_artifacts(folder, "model")
    source = f"{run.info.artifact_uri}/model"
    made = client.create_model_version("Loan scores", source, run.info.run_id)
client.set_registered_model_alias("Loan scores", "champion", made.version)
for number in range(120):  # more than a page
    client.create_registered_model(f"empty {number}")
